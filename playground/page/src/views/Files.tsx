import { useEffect, useState } from "react";
import { local } from "../blocks/prepared";
import type { SharedFile } from "../types";
import { Icon } from "./Icon";

const PICTURE = /\.(png|jpe?g|gif|webp)$/i;
const TEXT = /\.(txt|log|ya?ml|json|csv|md|toml|py|sh|out)$/i;
const FIRST_LINES = 8;

/** A message's files: pictures inline, text with a preview, everything for download. */
export function Files({ files }: { files: SharedFile[] | undefined }) {
  if (!files?.length) return null;
  return (
    <div className="files">
      {files.map((file) => (
        <Attachment key={file.id} file={file} />
      ))}
    </div>
  );
}

function Attachment({ file }: { file: SharedFile }) {
  const address = local(file.url);
  const title = file.title || file.name;
  const picture = PICTURE.test(file.name) || file.mimetype?.startsWith("image/");
  const text = TEXT.test(file.name) || file.mimetype?.startsWith("text/");
  return (
    <figure className="file" data-testid={`file-${file.id}`}>
      <figcaption>
        <Icon name="file" size={16} />
        <span className="file-name">{title}</span>
        {file.size !== undefined && <small>{sized(file.size)}</small>}
        <a className="icon-button" href={address} download={file.name} aria-label={`Download ${file.name}`}>
          <Icon name="download" size={16} />
        </a>
      </figcaption>
      {picture && (
        <a href={address} target="_blank" rel="noreferrer">
          <img src={address} alt={file.alt_txt || title} loading="lazy" />
        </a>
      )}
      {text && <Preview address={address} name={title} />}
    </figure>
  );
}

function Preview({ address, name }: { address: string; name: string }) {
  const [content, setContent] = useState<string | null>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    let current = true;
    fetch(address)
      .then((answer) => (answer.ok ? answer.text() : null))
      .then((text) => current && setContent(text))
      .catch(() => current && setContent(null));
    return () => {
      current = false;
    };
  }, [address]);
  if (content === null) return null;
  const lines = content.replace(/\n$/, "").split("\n");
  const more = lines.length - FIRST_LINES;
  return (
    <div className={`preview ${open ? "open" : ""}`}>
      <pre tabIndex={0} aria-label={name}>
        {(open ? lines : lines.slice(0, FIRST_LINES)).join("\n")}
      </pre>
      {more > 0 && (
        <button type="button" className="link" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Show less" : `Show ${more} more line${more === 1 ? "" : "s"}`}
        </button>
      )}
    </div>
  );
}

function sized(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
