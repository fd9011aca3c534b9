import type { Block, Element, Message, SharedFile } from "../types";

type Cell = { type: string; text?: string; value?: number };

/** A block as the library can draw it: numbers of tables as text, pictures by an address on this server. */
export function prepared(block: Block, messages: Message[] | undefined): Block {
  if (block.type === "table") return { ...block, rows: (block.rows as Cell[][]).map((row) => row.map(cell)) };
  if (block.type === "image") return { ...block, image_url: picture(block, messages), slack_file: undefined };
  if (block.type === "context") {
    return {
      ...block,
      elements: block.elements?.map((element) =>
        element.type === "image" ? { ...element, image_url: picture(element, messages), slack_file: undefined } : element,
      ),
    };
  }
  return block;
}

function cell(raw: Cell): Cell {
  return raw.type === "raw_number" ? { type: "raw_text", text: raw.text ?? String(raw.value) } : raw;
}

/** The address of an image block or element, which names either a URL or a file of this workspace. */
export function picture(holder: Block | Element, messages: Message[] | undefined): string {
  const reference = holder.slack_file as { id?: string; url?: string } | undefined;
  if (reference?.id) {
    const file = files(messages).find((candidate) => candidate.id === reference.id);
    if (file) return local(file.url);
  }
  return local(String(holder.image_url ?? reference?.url ?? ""));
}

/** Files carry the server's public address; the page may have been opened under another name of this machine. */
export function local(address: string): string {
  if (!URL.canParse(address, location.href)) return address;
  const url = new URL(address, location.href);
  return url.pathname.startsWith("/files/") ? url.pathname + url.search : address;
}

function files(messages: Message[] | undefined): SharedFile[] {
  return (messages ?? []).flatMap((message) => [...(message.files ?? []), ...files(message.replies)]);
}
