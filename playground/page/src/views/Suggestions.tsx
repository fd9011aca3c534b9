import { useEffect, useRef } from "react";
import type { Suggestion } from "../state/suggestions";

/** The list above a composer. The keyboard's focus stays in the text; a press picks. */
export function Suggestions({
  id,
  items,
  chosen,
  onTake,
  hint,
}: {
  id: string;
  items: Suggestion[];
  chosen: number;
  onTake: (one: Suggestion) => void;
  hint?: string;
}) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  if (items.length === 0) return null;
  return (
    <div className="suggestions">
      {hint && <p className="hint">{hint}</p>}
      <ul id={id} role="listbox" aria-label="Suggestions" ref={list}>
        {items.map((item, index) => (
          <li
            key={item.label}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onPointerDown={(event) => {
              event.preventDefault();
              onTake(item);
            }}
          >
            <span className="suggestion-label">{item.label}</span>
            {item.note && <small>{item.note}</small>}
          </li>
        ))}
      </ul>
      <p className="keys only-wide">
        <kbd>↑</kbd> <kbd>↓</kbd> choose · <kbd>Tab</kbd> complete · <kbd>Enter</kbd> {chosen >= 0 ? "complete" : "send"} · <kbd>Esc</kbd>{" "}
        close
      </p>
    </div>
  );
}
