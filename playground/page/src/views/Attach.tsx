import { useRef } from "react";
import { Icon } from "./Icon";

type TextFile = { name: string; content: string };

/** Picks text files (a Job manifest, a log) to go with a message. */
export function Attach({ onFiles }: { onFiles: (files: TextFile[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="icon-button" aria-label="Attach a text file" onClick={() => input.current?.click()}>
        <Icon name="attach" />
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".yaml,.yml,.json,.txt,.log,.md,.csv,text/*"
        onChange={async (event) => {
          const chosen = [...(event.target.files ?? [])];
          event.target.value = "";
          onFiles(await Promise.all(chosen.map(async (file) => ({ name: file.name, content: await file.text() }))));
        }}
      />
    </>
  );
}

export function Attached({ files, onRemove }: { files: TextFile[]; onRemove: (index: number) => void }) {
  if (files.length === 0) return null;
  return (
    <ul className="attached">
      {files.map((file, index) => (
        <li key={index} className="chip">
          <Icon name="file" size={14} /> {file.name}
          <button type="button" aria-label={`Remove ${file.name}`} onClick={() => onRemove(index)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
