import { createContext, useCallback, useContext, useState } from "react";
import type { Element, Value } from "../types";
import { useConfirm } from "./confirm";

/** Where blocks stand (a message or a view): how an action is sent from there, and what a form has kept. */
export interface Host {
  send: (element: Element, blockId: string | undefined, value: Value | undefined) => Promise<string | null>;
  values?: Record<string, Value>;
  keep?: (blockId: string | undefined, actionId: string | undefined, value: Value) => void;
  channel?: string;
}

export const HostContext = createContext<Host>({ send: async () => "this cannot be used here" });

export function useHost(): Host {
  return useContext(HostContext);
}

/** One key per element of a view, as `state.values` of Slack has it. */
export function valueKey(blockId: string | undefined, actionId: string | undefined): string {
  return `${blockId ?? ""}\n${actionId ?? ""}`;
}

/** Sends an element's action: asks first where it has a confirm object, and tells whether it is under way or failed. */
export function useAct(element: Element, blockId: string | undefined) {
  const { send } = useHost();
  const ask = useConfirm();
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const act = useCallback(
    async (value?: Value): Promise<boolean> => {
      if (element.confirm && !(await ask(element.confirm))) return false;
      setPending(true);
      setError(null);
      const failure = await send(element, blockId, value);
      setError(failure);
      setPending(false);
      return failure === null;
    },
    [ask, blockId, element, send],
  );
  return { act, pending, error };
}
