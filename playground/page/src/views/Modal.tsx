import { useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api";
import { Blocks } from "../blocks/Blocks";
import { HostContext, valueKey, type Host } from "../blocks/host";
import { ErrorsContext } from "../blocks/InputBlock";
import { holders, initial } from "../blocks/initial";
import { Plain, plain } from "../blocks/text";
import { useSession } from "../state/session";
import type { Value, View } from "../types";
import { Icon } from "./Icon";

/** The top of a person's stack of modals. What was typed survives an update of the view, as long as block_id and action_id stay. */
export function Modal({ view, refresh }: { view: View; refresh: () => void }) {
  const { me, route } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [values, setValues] = useState<Record<string, Value>>({});
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => setErrors({}), [view.id]);

  const host = useMemo<Host>(
    () => ({
      channel: route.channel,
      values,
      keep: (blockId, actionId, value) => {
        setValues((old) => ({ ...old, [valueKey(blockId, actionId)]: value }));
        setErrors((old) => ({ ...old, [blockId ?? ""]: "" }));
      },
      send: async (element, blockId, value) => {
        const answer = await api.action({
          user: me.id,
          view_id: view.id,
          action_id: element.action_id ?? "",
          block_id: blockId,
          value: value ?? element.value,
        });
        return answer.ok ? null : (answer.error ?? "the app did not answer");
      },
    }),
    [me.id, route.channel, values, view.id],
  );

  const submit = async () => {
    const sent: Record<string, Record<string, Value>> = {};
    for (const { block, element } of holders(view.blocks)) {
      const kept = values[valueKey(block.block_id, element.action_id)];
      (sent[block.block_id ?? ""] ??= {})[element.action_id ?? ""] = kept === undefined ? initial(element, route.channel) : kept;
    }
    setBusy(true);
    setFailure(null);
    const answer = await api.submit(me.id, view.id, sent);
    setBusy(false);
    setErrors(answer.errors ?? {});
    if (!answer.ok && !answer.errors) setFailure(answer.error ?? "The app did not answer. Please try again.");
    refresh();
  };
  const close = async () => {
    await api.closeView(me.id, view.id);
    refresh();
  };
  return (
    <dialog
      ref={dialog}
      className="modal"
      data-testid="modal"
      aria-labelledby="modal-title"
      onCancel={(event) => {
        event.preventDefault();
        void close();
      }}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <header>
          <img src="/page/icon.svg" width={26} height={26} alt="" />
          <h2 id="modal-title">
            <Plain text={view.title} />
          </h2>
          <button type="button" className="icon-button" onClick={close} aria-label="Close">
            <Icon name="close" />
          </button>
        </header>
        <div className="modal-body">
          <HostContext.Provider value={host}>
            <ErrorsContext.Provider value={errors}>
              <Blocks blocks={view.blocks} />
            </ErrorsContext.Provider>
          </HostContext.Provider>
          {failure && (
            <p className="input-error" role="alert">
              {failure}
            </p>
          )}
        </div>
        <footer className="dialog-buttons">
          <button type="button" className="button" onClick={close} data-testid="modal-close">
            {plain(view.close ?? undefined) || "Cancel"}
          </button>
          {view.submit && (
            <button type="submit" className="button primary" disabled={busy} aria-busy={busy} data-testid="modal-submit">
              <Plain text={view.submit} />
            </button>
          )}
        </footer>
      </form>
    </dialog>
  );
}
