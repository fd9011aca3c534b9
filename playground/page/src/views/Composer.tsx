import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { deliver, type Draft } from "../state/deliver";
import { rememberSent, sentLines } from "../state/sent";
import { channelName, useFeed, useSession } from "../state/session";
import { suggestions, taught, type Suggestion } from "../state/suggestions";
import type { Channel } from "../types";
import { Attach, Attached } from "./Attach";
import { draft as drafts } from "./drafts";
import { Icon } from "./Icon";
import { Join } from "./Join";
import { isMember } from "./Sidebar";
import { Suggestions } from "./Suggestions";

const EMPTY: Draft = { text: "", files: [] };

interface Props {
  channel: Channel;
  thread: string | null;
  onSent: () => void;
}

/** Where one types; Enter sends, Shift+Enter makes a line, arrows walk through suggestions and what was sent before. */
export function Composer({ channel, thread, onSent }: Props) {
  const { workspace, me, notify, refresh } = useSession();
  const { messages } = useFeed();
  const [draft, setDraft] = useState(EMPTY);
  const [caret, setCaret] = useState(0);
  const [picked, setPicked] = useState(-1);
  const [hidden, setHidden] = useState(false);
  const [recalled, setRecalled] = useState(-1);
  const [sending, setSending] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const mine = sentLines(me.id);
  const lessons = useMemo(() => workspace.commands.flatMap((command) => taught(messages, command.command)), [messages, workspace]);
  const offered = hidden ? [] : suggestions(draft.text, caret, workspace, mine, lessons, thread !== null);
  // A name that is only begun is completed by Enter; a whole command is sent by it.
  const begun = /^\/\S*$/.test(draft.text) && !workspace.commands.some((one) => one.command === draft.text);
  const mention = offered[0]?.label.startsWith("@") ?? false;
  const chosen = picked >= 0 ? picked : mention || begun ? 0 : -1;
  const command = workspace.commands.find((one) => draft.text.startsWith(`${one.command} `));

  const write = (text: string) => {
    setDraft((old) => ({ ...old, text }));
    setCaret(text.length);
    setPicked(-1);
    setHidden(false);
    area.current?.focus();
  };
  useEffect(() => (thread ? undefined : drafts.listen(write)), [thread]);
  useEffect(() => {
    // Opening a thread or a channel means wanting to type; on a phone that would raise the keyboard unasked.
    if (matchMedia("(pointer: fine)").matches) area.current?.focus();
  }, [channel.id, thread]);
  useEffect(() => {
    if (!area.current) return;
    area.current.style.height = "auto";
    area.current.style.height = `${Math.min(area.current.scrollHeight, 180)}px`;
  }, [draft.text]);

  const send = async () => {
    const sent = draft;
    if (!sent.text.trim() && sent.files.length === 0) return;
    setDraft(EMPTY);
    setRecalled(-1);
    setPicked(-1);
    rememberSent(me.id, sent.text.trim());
    setSending((count) => count + 1);
    onSent();
    const failure = await deliver(sent, { workspace, me, channel, thread });
    setSending((count) => count - 1);
    if (failure) notify(failure, thread);
    refresh();
  };
  const take = (suggestion: Suggestion) => write(suggestion.text);
  const recall = (step: number) => {
    const next = Math.max(-1, Math.min(mine.length - 1, recalled + step));
    setRecalled(next);
    write(mine[next] ?? "");
    setHidden(next >= 0);
  };
  const keyed = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (offered[chosen]) take(offered[chosen]);
      else void send();
    } else if (event.key === "Tab" && offered.length > 0) {
      event.preventDefault();
      take(offered[Math.max(0, chosen)]!);
    } else if (event.key === "Escape" && offered.length > 0) {
      event.stopPropagation();
      setHidden(true);
    } else if (step && offered.length > 0 && recalled < 0) {
      event.preventDefault();
      setPicked((chosen + step + offered.length) % offered.length);
    } else if (step && (draft.text === "" || recalled >= 0)) {
      event.preventDefault();
      recall(-step);
    }
  };
  const name = thread
    ? "Reply in this thread"
    : `Message ${channel.kind === "im" ? "" : "#"}${channelName(channel, workspace, me.id)}, or type /`;
  const listId = `suggestions-${thread ?? channel.id}`;
  if (!isMember(channel, me.id)) return <Join channel={channel} />;
  return (
    <div className="composer">
      <Suggestions
        id={listId}
        items={offered}
        chosen={chosen}
        onTake={take}
        hint={command && offered.length > 0 ? `${command.command} ${command.usage_hint ?? ""}` : undefined}
      />
      <Attached
        files={draft.files}
        onRemove={(index) => setDraft((old) => ({ ...old, files: old.files.filter((_, at) => at !== index) }))}
      />
      <div className="composer-row">
        <Attach onFiles={(files) => setDraft((old) => ({ ...old, files: [...old.files, ...files] }))} />
        <textarea
          ref={area}
          rows={1}
          value={draft.text}
          placeholder={name}
          aria-label={name}
          aria-autocomplete="list"
          aria-controls={offered.length ? listId : undefined}
          aria-activedescendant={chosen >= 0 && offered.length ? `${listId}-${chosen}` : undefined}
          data-testid={thread ? "thread-composer" : "composer"}
          spellCheck={false}
          autoCapitalize="off"
          onKeyDown={keyed}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onChange={(event) => {
            setDraft((old) => ({ ...old, text: event.target.value }));
            setCaret(event.target.selectionStart);
            setPicked(-1);
            setHidden(false);
            setRecalled(-1);
          }}
        />
        <button
          type="button"
          className="send"
          aria-label="Send"
          aria-busy={sending > 0}
          disabled={!draft.text.trim() && draft.files.length === 0}
          onClick={send}
        >
          {sending > 0 ? <span className="spinner" /> : <Icon name="send" />}
        </button>
      </div>
    </div>
  );
}
