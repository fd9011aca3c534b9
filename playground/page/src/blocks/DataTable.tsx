import { useMemo, useState } from "react";
import type { Block } from "../types";
import { Library } from "./Library";
import { plain } from "./text";

type Cell = { type: string; text?: string; value?: number; elements?: unknown[] };

/** A data table (which the library leaves empty): first row is the header, columns sort, rows come in pages. */
export function DataTable({ block }: { block: Block }) {
  const [header = [], ...rows] = (block.rows as Cell[][] | undefined) ?? [];
  const size = Number(block.page_size ?? 5);
  const named = Number(block.row_header_column_index ?? 0);
  const [page, setPage] = useState(0);
  const [sort, setSort] = useState<{ column: number; down: boolean } | null>(null);
  const sorted = useMemo(
    () => (sort ? [...rows].sort((a, b) => compare(a[sort.column], b[sort.column]) * (sort.down ? -1 : 1)) : rows),
    [rows, sort],
  );
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const at = Math.min(page, pages - 1);
  const turn = (column: number) =>
    setSort((old) => (old?.column !== column ? { column, down: false } : old.down ? null : { column, down: true }));
  return (
    <figure className="data-table">
      <div className="scroll" tabIndex={0} role="region" aria-label={String(block.caption)}>
        <table>
          <caption>{plain(String(block.caption ?? ""))}</caption>
          <thead>
            <tr>
              {header.map((cell, column) => (
                <th key={column} scope="col" aria-sort={sort?.column === column ? (sort.down ? "descending" : "ascending") : undefined}>
                  <button type="button" onClick={() => turn(column)}>
                    {cell.text}
                    <span aria-hidden>{sort?.column === column ? (sort.down ? " ↓" : " ↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(at * size, at * size + size).map((row, index) => (
              <tr key={index}>
                {row.map((cell, column) => {
                  const Tag = column === named ? "th" : "td";
                  return (
                    <Tag
                      key={column}
                      scope={column === named ? "row" : undefined}
                      className={cell.type === "raw_number" ? "number" : undefined}
                    >
                      {cell.type === "rich_text" ? <Library blocks={[cell as Block]} /> : plain(cell.text ?? String(cell.value ?? ""))}
                    </Tag>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && (
        <figcaption>
          <button type="button" className="button quiet" disabled={at === 0} onClick={() => setPage(at - 1)} aria-label="Previous rows">
            ‹
          </button>
          {at * size + 1}–{Math.min(rows.length, at * size + size)} of {rows.length}
          <button type="button" className="button quiet" disabled={at === pages - 1} onClick={() => setPage(at + 1)} aria-label="Next rows">
            ›
          </button>
        </figcaption>
      )}
    </figure>
  );
}

function compare(a: Cell | undefined, b: Cell | undefined): number {
  if (a?.type === "raw_number" && b?.type === "raw_number") return (a.value ?? 0) - (b.value ?? 0);
  return (a?.text ?? "").localeCompare(b?.text ?? "", undefined, { numeric: true });
}
