import { useEffect, useRef, useState } from "react";
import { api } from "../api";
import { useSession } from "../state/session";
import type { Message } from "../types";
import { Icon } from "./Icon";
import { moveFocus, useDismissed } from "./menu";

/** What one can do with a message: reply in its thread, and the app's message shortcuts. */
export function MessageMenu({ message, channel, inThread }: { message: Message; channel: string; inThread?: boolean }) {
  const { workspace, me, go, notify, route } = useSession();
  const [open, setOpen] = useState(false);
  const box = useDismissed<HTMLDivElement>(open, () => setOpen(false));
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) menu.current?.querySelector("button")?.focus();
  }, [open]);
  const shortcuts = workspace.shortcuts.filter((shortcut) => (shortcut.type ?? "message") === "message");
  const run = async (callback_id: string, name: string) => {
    setOpen(false);
    const answer = await api.shortcut(me.id, channel, message.ts, callback_id);
    if (!answer.ok) notify(`“${name}” failed with the error "${answer.error}"`, inThread ? route.thread : null);
  };
  return (
    <div className={`message-menu menu-anchor ${open ? "open" : ""}`} ref={box}>
      {!inThread && (
        <button type="button" className="icon-button" aria-label="Reply in thread" onClick={() => go({ thread: message.ts })}>
          <Icon name="reply" size={16} />
        </button>
      )}
      {shortcuts.length > 0 && (
        <button
          type="button"
          className="icon-button"
          aria-label="Message actions"
          aria-haspopup="menu"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon name="more" size={16} />
        </button>
      )}
      {open && (
        <div className="menu left" role="menu" ref={menu} onKeyDown={moveFocus}>
          {shortcuts.map((shortcut) => (
            <button
              key={shortcut.callback_id}
              type="button"
              role="menuitem"
              data-testid={`shortcut-${shortcut.callback_id}`}
              onClick={() => run(shortcut.callback_id, shortcut.name)}
            >
              {shortcut.name}
              <small>{workspace.bot.name}</small>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
