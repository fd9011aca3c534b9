import { useEffect, useRef, type KeyboardEvent as Pressed } from "react";

/** A ref for something that floats: while `open`, a press outside of it or Escape calls `close`. */
export function useDismissed<T extends HTMLElement>(open: boolean, close: () => void) {
  const box = useRef<T>(null);
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    if (!open) return;
    const pressed = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) latest.current();
    };
    const keyed = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      event.preventDefault();
      latest.current();
    };
    addEventListener("pointerdown", pressed, true);
    addEventListener("keydown", keyed, true);
    return () => {
      removeEventListener("pointerdown", pressed, true);
      removeEventListener("keydown", keyed, true);
    };
  }, [open]);
  return box;
}

/** Up and down move through the items of a menu. */
export function moveFocus(event: Pressed<HTMLElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("button:not(:disabled)")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = event.key === "ArrowDown" ? at + 1 : at - 1 + items.length;
  items[next % items.length]?.focus();
}
