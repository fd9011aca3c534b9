import { useMemo } from "react";
import { api } from "../api";
import { Blocks } from "../blocks/Blocks";
import { HostContext, type Host } from "../blocks/host";
import { useSession } from "../state/session";
import type { View } from "../types";
import { Avatar } from "./Avatar";

/** The app's Home tab, as it was last published for this person. */
export function Home({ view }: { view: View | null | undefined }) {
  const { workspace, me } = useSession();
  const host = useMemo<Host>(
    () => ({
      send: async (element, blockId, value) => {
        const answer = await api.action({
          user: me.id,
          view_id: view?.id ?? "",
          action_id: element.action_id ?? "",
          block_id: blockId,
          value: value ?? element.value,
        });
        return answer.ok ? null : (answer.error ?? "the app did not answer");
      },
    }),
    [me.id, view?.id],
  );
  return (
    <main className="pane" aria-label={`${workspace.bot.name}, Home`} data-testid="home">
      <header className="pane-head">
        <Avatar bot size={26} />
        <h1>{workspace.bot.name}</h1>
        <span className="tag">APP</span>
        <span className="topic">Home</span>
      </header>
      <div className="list home" tabIndex={0}>
        <HostContext.Provider value={host}>
          {view ? (
            <Blocks blocks={view.blocks} />
          ) : (
            <p className="empty">{view === undefined ? "Opening…" : "The app has not published its Home for you yet."}</p>
          )}
        </HostContext.Provider>
      </div>
    </main>
  );
}
