import type { HomeView, KnownBlock, ModalView } from "@slack/types";

export interface BlockKit {
  block: KnownBlock;
  home: HomeView;
  modal: ModalView;
}
