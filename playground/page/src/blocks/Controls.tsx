import { useEffect, useRef, useState } from "react";
import { useAct, useHost, valueKey } from "./host";
import { initial } from "./initial";
import { Field } from "./Field";
import { plain } from "./text";
import { picture } from "./prepared";
import { useSession } from "../state/session";
import { moveFocus, useDismissed } from "../views/menu";
import type { Element, Option, Value } from "../types";

interface Props {
  element: Element;
  blockId: string | undefined;
}

/** One interactive element outside of an input block. */
export function Control({ element, blockId }: Props) {
  const { fileAddress } = useSession();
  switch (element.type) {
    case "button":
    case "workflow_button":
      return <ActionButton element={element} blockId={blockId} />;
    case "icon_button":
      return <ActionButton element={{ ...element, style: undefined }} blockId={blockId} />;
    case "feedback_buttons":
      return <Feedback element={element} blockId={blockId} />;
    case "overflow":
      return <Overflow element={element} blockId={blockId} />;
    case "image":
      return <img className="accessory-image" src={picture(element, fileAddress)} alt={element.alt_text ?? ""} />;
    default:
      return <ActingField element={element} blockId={blockId} />;
  }
}

function ActionButton({ element, blockId }: Props) {
  const { act, pending, error } = useAct(element, blockId);
  const label = plain(element.text);
  return (
    <span className="control">
      <button
        type="button"
        className={`button ${element.style ?? ""}`}
        aria-label={element.accessibility_label}
        aria-busy={pending}
        disabled={pending}
        data-action={element.action_id}
        onClick={async () => {
          if ((await act()) && element.url) window.open(element.url, "_blank", "noreferrer");
        }}
      >
        {label}
      </button>
      <Failure error={error} />
    </span>
  );
}

function Feedback({ element, blockId }: Props) {
  const { act, pending, error } = useAct(element, blockId);
  return (
    <span className="control">
      {[element.positive_button, element.negative_button].map(
        (button, index) =>
          button && (
            <button
              key={index}
              type="button"
              className="button quiet"
              disabled={pending}
              onClick={() => act(button.value)}
              aria-label={plain(button.text)}
            >
              {index === 0 ? "👍" : "👎"}
            </button>
          ),
      )}
      <Failure error={error} />
    </span>
  );
}

function Overflow({ element, blockId }: Props) {
  const { act, pending, error } = useAct(element, blockId);
  const [open, setOpen] = useState(false);
  const box = useDismissed<HTMLSpanElement>(open, () => setOpen(false));
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) menu.current?.querySelector("button")?.focus();
  }, [open]);
  const choose = (option: Option) => {
    setOpen(false);
    if (option.url) window.open(option.url, "_blank", "noreferrer");
    void act(option.value);
  };
  return (
    <span className="control menu-anchor" ref={box}>
      <button
        type="button"
        className="button quiet"
        aria-label={element.accessibility_label ?? "More actions"}
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={pending}
        data-action={element.action_id}
        onClick={() => setOpen(!open)}
      >
        •••
      </button>
      {open && (
        <div className="menu" role="menu" ref={menu} onKeyDown={moveFocus}>
          {element.options?.map((option) => (
            <button key={option.value} type="button" role="menuitem" onClick={() => choose(option)}>
              {plain(option.text)}
              {option.description && <small>{plain(option.description)}</small>}
            </button>
          ))}
        </div>
      )}
      <Failure error={error} />
    </span>
  );
}

/** A select, picker or group of boxes: keeps the choice in a form, and sends it as an action. */
function ActingField({ element, blockId }: Props) {
  const host = useHost();
  const { act, pending, error } = useAct(element, blockId);
  const [own, setOwn] = useState<Value>(() => initial(element, host.channel));
  const kept = host.values?.[valueKey(blockId, element.action_id)];
  const value = kept === undefined ? own : kept;
  const change = async (next: Value) => {
    const set = (to: Value) => {
      setOwn(to);
      host.keep?.(blockId, element.action_id, to);
    };
    set(next);
    if (!(await act(next))) set(value);
  };
  return (
    <span className="control" data-action={element.action_id}>
      <Field element={element} value={value} onChange={change} disabled={pending} label={plain(element.placeholder) || "Choose"} />
      <Failure error={error} />
    </span>
  );
}

function Failure({ error }: { error: string | null }) {
  if (!error) return null;
  return (
    <span className="control-error" role="alert" title={error}>
      ⚠️ {error}
    </span>
  );
}
