import { createContext, useContext, useId } from "react";
import type { Block, Value } from "../types";
import { Field } from "./Field";
import { useAct, useHost, valueKey } from "./host";
import { initial } from "./initial";
import { Plain } from "./text";

/** Errors of the last submission by block_id. */
export const ErrorsContext = createContext<Record<string, string>>({});

/** An input with its label, hint and, after a refused submission, what is wrong with it. */
export function InputBlock({ block }: { block: Block }) {
  const id = useId();
  const host = useHost();
  const element = block.element!;
  const { act } = useAct(element, block.block_id);
  const error = useContext(ErrorsContext)[block.block_id ?? ""];
  const kept = host.values?.[valueKey(block.block_id, element.action_id)];
  const change = (value: Value) => {
    host.keep?.(block.block_id, element.action_id, value);
    if (block.dispatch_action) void act(value);
  };
  return (
    <div className={`input-block ${error ? "invalid" : ""}`} data-block={block.block_id}>
      <div className="input-label" id={id}>
        <Plain text={block.label} />
        {block.optional && <span className="optional"> (optional)</span>}
      </div>
      <Field
        element={element}
        value={kept === undefined ? initial(element, host.channel) : kept}
        onChange={change}
        labelledBy={id}
        invalid={Boolean(error)}
      />
      {error && (
        <p className="input-error" role="alert">
          {error}
        </p>
      )}
      {block.hint && (
        <p className="input-hint">
          <Plain text={block.hint} />
        </p>
      )}
    </div>
  );
}
