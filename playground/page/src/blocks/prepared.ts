import type { Block, Element } from "../types";

type FileAddress = (id: string) => string | undefined;

type Cell = { type: string; text?: string; value?: number };

/** A block as the library can draw it: numbers of tables as text, pictures by an address on this server. */
export function prepared(block: Block, fileAddress: FileAddress): Block {
  if (block.type === "table") return { ...block, rows: (block.rows as Cell[][]).map((row) => row.map(cell)) };
  if (block.type === "image") return { ...block, image_url: picture(block, fileAddress), slack_file: undefined };
  if (block.type === "context") {
    return {
      ...block,
      elements: block.elements?.map((element) =>
        element.type === "image" ? { ...element, image_url: picture(element, fileAddress), slack_file: undefined } : element,
      ),
    };
  }
  return block;
}

function cell(raw: Cell): Cell {
  return raw.type === "raw_number" ? { type: "raw_text", text: raw.text ?? String(raw.value) } : raw;
}

/** The address of an image block or element, which names either a URL or a file of this workspace. */
export function picture(holder: Block | Element, fileAddress: FileAddress): string {
  const reference = holder.slack_file as { id?: string; url?: string } | undefined;
  if (reference?.id) {
    const address = fileAddress(reference.id);
    if (address) return local(address);
  }
  return local(String(holder.image_url ?? reference?.url ?? ""));
}

/** Files carry the server's public address; the page may have been opened under another name of this machine. */
export function local(address: string): string {
  if (!URL.canParse(address, location.href)) return address;
  const url = new URL(address, location.href);
  return url.pathname.startsWith("/files/") ? url.pathname + url.search : address;
}
