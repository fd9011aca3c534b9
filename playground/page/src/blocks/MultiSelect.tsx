import { useState } from "react";
import { moveFocus, useDismissed } from "../views/menu";
import type { FieldProps } from "./Field";
import { plain } from "./text";

/** A list of choices with ticks; what is chosen stands on the button. */
export function MultiSelect({
  element,
  value,
  onChange,
  disabled,
  label,
  labelledBy,
  options,
}: FieldProps & { options: { value: string; text: string }[] }) {
  const [open, setOpen] = useState(false);
  const box = useDismissed<HTMLDivElement>(open, () => setOpen(false));
  const chosen = Array.isArray(value) ? value : [];
  const full = element.max_selected_items !== undefined && chosen.length >= element.max_selected_items;
  const toggle = (one: string) => onChange(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]);
  return (
    <div className="menu-anchor multi" ref={box}>
      <button
        type="button"
        className="field"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-label={labelledBy ? undefined : label}
        aria-labelledby={labelledBy}
        disabled={disabled}
        data-action={element.action_id}
        onClick={() => setOpen(!open)}
      >
        {chosen.length === 0 ? (
          <span className="placeholder">{plain(element.placeholder) || "Select options"}</span>
        ) : (
          chosen.map((one) => (
            <span key={one} className="chip">
              {options.find((option) => option.value === one)?.text ?? one}
            </span>
          ))
        )}
      </button>
      {open && (
        <div className="menu" role="listbox" aria-multiselectable onKeyDown={moveFocus}>
          {options.map((option) => {
            const on = chosen.includes(option.value);
            return (
              <button
                key={option.value}
                type="button"
                role="option"
                aria-selected={on}
                disabled={!on && full}
                onClick={() => toggle(option.value)}
              >
                <span className="tick" aria-hidden>
                  {on ? "✓" : ""}
                </span>
                {option.text}
              </button>
            );
          })}
        </div>
      )}
    </div>
  );
}
