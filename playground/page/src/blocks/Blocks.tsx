import { memo } from "react";
import type { Block, Element } from "../types";
import { Control } from "./Controls";
import { DataTable } from "./DataTable";
import { InputBlock } from "./InputBlock";
import { Library } from "./Library";
import { Plain } from "./text";

/** Types that the library draws by itself. Everything with a control in it is drawn here, because the library reports no clicks. */
const PASSIVE = new Set([
  "section",
  "header",
  "divider",
  "context",
  "image",
  "markdown",
  "rich_text",
  "plan",
  "task_card",
  "data_visualization",
  "alert",
  "card",
  "file",
  "video",
]);

/** The blocks of a message or a view, in order; runs of passive blocks go to the library together. */
export const Blocks = memo(function Blocks({ blocks }: { blocks: Block[] }) {
  const runs: { key: string; passive: boolean; blocks: Block[] }[] = [];
  blocks.forEach((block, index) => {
    const passive = isPassive(block);
    const last = runs.at(-1);
    if (passive && last?.passive) last.blocks.push(block);
    else runs.push({ key: `${index}`, passive, blocks: [block] });
  });
  return (
    <div className="blocks">
      {runs.map((run) =>
        run.passive ? <Library key={run.key} blocks={run.blocks} /> : run.blocks.map((block) => <Active key={run.key} block={block} />),
      )}
    </div>
  );
});

function isPassive(block: Block): boolean {
  return PASSIVE.has(block.type) && !block.accessory && !("actions" in block);
}

function Active({ block }: { block: Block }) {
  switch (block.type) {
    case "actions":
    case "context_actions":
      return <Row elements={block.elements} blockId={block.block_id} />;
    case "section":
      return (
        <div className="with-accessory">
          <Library blocks={[{ ...block, accessory: undefined }]} />
          {block.accessory && <Control element={block.accessory} blockId={block.block_id} />}
        </div>
      );
    case "input":
      return <InputBlock block={block} />;
    case "table":
      return (
        <div className="wide" tabIndex={0} role="region" aria-label="Table">
          <Library blocks={[block]} />
        </div>
      );
    case "data_table":
      return <DataTable block={block} />;
    case "card":
      return (
        <div className="card-block">
          <Library blocks={[{ ...block, actions: undefined }]} />
          <Row elements={block.actions as Element[]} blockId={block.block_id} />
        </div>
      );
    case "carousel":
      return <div className="carousel">{<Blocks blocks={block.elements as unknown as Block[]} />}</div>;
    case "container":
      return (
        <details className="container-block" open={!block.is_collapsed}>
          <summary>
            <Plain text={block.title as Block["text"]} />
          </summary>
          <Blocks blocks={(block.child_blocks ?? []) as Block[]} />
        </details>
      );
    default:
      return <p className="undrawn">A block of type “{block.type}” stands here; this page does not draw it.</p>;
  }
}

function Row({ elements, blockId }: { elements: Element[] | undefined; blockId: string | undefined }) {
  return (
    <div className="actions-row">
      {elements?.map((element, index) => (
        <Control key={element.action_id ?? index} element={element} blockId={blockId} />
      ))}
    </div>
  );
}
