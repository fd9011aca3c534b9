import { createContext, useCallback, useContext, useEffect, useRef, useState, type ReactNode } from "react";
import type { Confirm } from "../types";
import { Plain, Rich } from "./text";

type Ask = (confirm: Confirm) => Promise<boolean>;
const ConfirmContext = createContext<Ask>(async () => true);

export function useConfirm(): Ask {
  return useContext(ConfirmContext);
}

/** Shows an element's confirm object before its action is sent; Escape and a click outside mean no. */
export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState<{ confirm: Confirm; answer: (yes: boolean) => void } | null>(null);
  const ask = useCallback<Ask>((confirm) => new Promise((answer) => setOpen({ confirm, answer })), []);
  const settle = (yes: boolean) => {
    open?.answer(yes);
    setOpen(null);
  };
  return (
    <ConfirmContext.Provider value={ask}>
      {children}
      {open && <ConfirmDialog confirm={open.confirm} settle={settle} />}
    </ConfirmContext.Provider>
  );
}

function ConfirmDialog({ confirm, settle }: { confirm: Confirm; settle: (yes: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby="confirm-title"
      data-testid="confirm"
      onCancel={(event) => {
        event.preventDefault();
        settle(false);
      }}
      onClick={(event) => event.target === event.currentTarget && settle(false)}
    >
      <div className="confirm-body">
        <h2 id="confirm-title">
          <Plain text={confirm.title} />
        </h2>
        <Rich text={confirm.text} />
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={() => settle(false)} data-testid="confirm-deny">
            <Plain text={confirm.deny} />
          </button>
          <button
            type="button"
            autoFocus
            className={`button ${confirm.style === "danger" ? "danger" : "primary"}`}
            onClick={() => settle(true)}
            data-testid="confirm-yes"
          >
            <Plain text={confirm.confirm} />
          </button>
        </div>
      </div>
    </dialog>
  );
}
