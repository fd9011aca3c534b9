import { useId } from "react";
import type { Element, Option, Value } from "../types";
import { shownName, useSession } from "../state/session";
import { MultiSelect } from "./MultiSelect";
import { TextField } from "./TextField";
import { plain } from "./text";

export interface FieldProps {
  element: Element;
  value: Value;
  onChange: (value: Value) => void;
  disabled?: boolean;
  /** What a screen reader calls it; where `labelledBy` is given, that element does. */
  label?: string;
  labelledBy?: string;
  invalid?: boolean;
}

/** One element that holds a value. Native controls: they work with keyboard, screen reader and thumb. */
export function Field(props: FieldProps) {
  const { element, value, onChange, disabled } = props;
  const choices = useChoices(element);
  const named = {
    "aria-label": props.labelledBy ? undefined : props.label,
    "aria-labelledby": props.labelledBy,
    "aria-invalid": props.invalid,
  };
  switch (element.type) {
    case "static_select":
    case "external_select":
    case "users_select":
    case "conversations_select":
    case "channels_select":
      return (
        <select
          className="field"
          {...named}
          value={String(value ?? "")}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value || null)}
        >
          <option value="">{plain(element.placeholder) || "Select an option"}</option>
          {choices.map((group, index) => (
            <Group key={index} {...group} />
          ))}
        </select>
      );
    case "multi_static_select":
    case "multi_external_select":
    case "multi_users_select":
    case "multi_conversations_select":
    case "multi_channels_select":
      return <MultiSelect {...props} options={choices.flatMap((group) => group.options)} />;
    case "checkboxes":
    case "radio_buttons":
      return <Boxes {...props} />;
    case "datepicker":
      return (
        <input
          className="field"
          type="date"
          {...named}
          value={String(value ?? "")}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value || null)}
        />
      );
    case "timepicker":
      return (
        <input
          className="field"
          type="time"
          {...named}
          value={String(value ?? "")}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value || null)}
        />
      );
    case "datetimepicker":
      return (
        <input
          className="field"
          type="datetime-local"
          {...named}
          value={typeof value === "number" ? localTime(value) : ""}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value ? Math.floor(new Date(event.target.value).getTime() / 1000) : null)}
        />
      );
    default:
      return <TextField {...props} />;
  }
}

/** Epoch seconds as a local date and time field wants them. */
function localTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface Choices {
  label?: string;
  options: { value: string; text: string }[];
}

function useChoices(element: Element): Choices[] {
  const { workspace } = useSession();
  const listed = (options: Option[]) => options.map((option) => ({ value: option.value, text: plain(option.text) }));
  if (element.type.endsWith("users_select")) {
    return [{ options: workspace.users.map((user) => ({ value: user.id, text: shownName(user) })) }];
  }
  if (element.type.endsWith("conversations_select") || element.type.endsWith("channels_select")) {
    return [{ options: workspace.channels.map((channel) => ({ value: channel.id, text: `#${channel.name}` })) }];
  }
  if (element.option_groups) return element.option_groups.map((group) => ({ label: plain(group.label), options: listed(group.options) }));
  return [{ options: listed(element.options ?? []) }];
}

function Group({ label, options }: Choices) {
  const items = options.map((option) => (
    <option key={option.value} value={option.value}>
      {option.text}
    </option>
  ));
  return label ? <optgroup label={label}>{items}</optgroup> : <>{items}</>;
}

function Boxes({ element, value, onChange, disabled, label, labelledBy }: FieldProps) {
  const id = useId();
  const many = element.type === "checkboxes";
  const chosen = Array.isArray(value) ? value : value === null ? [] : [String(value)];
  const toggle = (option: string, on: boolean) => {
    if (!many) onChange(option);
    else onChange(on ? [...chosen, option] : chosen.filter((one) => one !== option));
  };
  return (
    <div className="boxes" role={many ? "group" : "radiogroup"} aria-label={labelledBy ? undefined : label} aria-labelledby={labelledBy}>
      {element.options?.map((option) => (
        <label key={option.value}>
          <input
            type={many ? "checkbox" : "radio"}
            name={id}
            value={option.value}
            checked={chosen.includes(option.value)}
            disabled={disabled}
            onChange={(event) => toggle(option.value, event.target.checked)}
          />
          <span>
            {plain(option.text)}
            {option.description && <small>{plain(option.description)}</small>}
          </span>
        </label>
      ))}
    </div>
  );
}
