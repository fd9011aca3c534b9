import type { FieldProps } from "./Field";
import { plain } from "./text";

const TYPES: Record<string, string> = { email_text_input: "email", url_text_input: "url" };

/** Text, number, e-mail and URL inputs. Slack checks numbers itself, so the bounds go to the browser too. */
export function TextField({ element, value, onChange, disabled, label, labelledBy, invalid }: FieldProps) {
  const common = {
    className: "field",
    "aria-label": labelledBy ? undefined : label,
    "aria-labelledby": labelledBy,
    "aria-invalid": invalid,
    value: String(value ?? ""),
    placeholder: plain(element.placeholder),
    disabled,
    autoFocus: element.focus_on_load,
    maxLength: element.max_length,
    minLength: element.min_length,
    autoComplete: "off",
    spellCheck: false,
    "data-action": element.action_id,
  };
  if (element.multiline || element.type === "rich_text_input") {
    return <textarea {...common} rows={4} onChange={(event) => onChange(event.target.value || null)} />;
  }
  if (element.type === "number_input") {
    return (
      <input
        {...common}
        type="number"
        step={element.is_decimal_allowed ? "any" : 1}
        min={element.min_value}
        max={element.max_value}
        onChange={(event) => onChange(event.target.value || null)}
      />
    );
  }
  return <input {...common} type={TYPES[element.type] ?? "text"} onChange={(event) => onChange(event.target.value || null)} />;
}
