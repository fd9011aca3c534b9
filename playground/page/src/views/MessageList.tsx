import { Fragment, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { key, type Notice } from "../state/messages";
import type { Message } from "../types";
import { Icon } from "./Icon";
import { MessageItem } from "./MessageItem";
import { NoticeItem } from "./NoticeItem";
import { day } from "./times";

interface Props {
  /** What scrolls back to the bottom when it changes: channel, thread, person. */
  place: string;
  channel: string;
  messages: Message[];
  notices: Notice[];
  inThread?: boolean;
  before?: ReactNode;
  /** Counts what was sent from below this list: sending means wanting to see what comes of it. */
  sent: number;
}

const NEAR = 60;
const CLOSE_SECONDS = 180;

/** A list that stays at its end while one is there, and stays put while one reads further up. */
export function MessageList({ place, channel, messages, notices, inThread, before, sent }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [behind, setBehind] = useState(false);
  const newest = messages.length ? key(messages.at(-1)!) : "";

  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    atEnd.current = true;
    setBehind(false);
    toEnd();
  }, [place, sent]);
  useLayoutEffect(() => {
    if (!atEnd.current && newest) setBehind(true);
  }, [newest]);
  useLayoutEffect(() => {
    // Charts and pictures grow after they are drawn, and the box shrinks when a keyboard opens.
    const observer = new ResizeObserver(() => atEnd.current && toEnd());
    if (content.current) observer.observe(content.current);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
    if (atEnd.current) setBehind(false);
  };
  return (
    <div className="list-frame">
      <div
        className="list"
        ref={box}
        onScroll={scrolled}
        role="log"
        aria-live="polite"
        aria-label={inThread ? "Thread" : "Messages"}
        tabIndex={0}
      >
        <div ref={content} className="list-content">
          {before}
          {messages.map((message, index) => (
            <Fragment key={key(message)}>
              {!inThread && day(message.ts) !== day(messages[index - 1]?.ts ?? "0") && <DayLine label={day(message.ts)} />}
              <MessageItem message={message} channel={channel} inThread={inThread} compact={follows(message, messages[index - 1])} />
              {notices.filter((notice) => notice.after === key(message)).map(toItem)}
            </Fragment>
          ))}
          {notices.filter((notice) => !messages.some((message) => key(message) === notice.after)).map(toItem)}
        </div>
      </div>
      {behind && (
        <button type="button" className="new-messages" onClick={toEnd}>
          New messages <Icon name="down" size={14} />
        </button>
      )}
    </div>
  );
}

function toItem(notice: Notice): ReactNode {
  return <NoticeItem key={notice.id} notice={notice} />;
}

function DayLine({ label }: { label: string }) {
  return (
    <div className="day" role="separator">
      <span>{label}</span>
    </div>
  );
}

function follows(message: Message, previous: Message | undefined): boolean {
  if (!previous || message.ephemeral_to || previous.ephemeral_to || previous.replies?.length) return false;
  const author = (one: Message) => one.bot ?? one.user;
  return (
    author(message) === author(previous) && Number(message.ts) - Number(previous.ts) < CLOSE_SECONDS && day(message.ts) === day(previous.ts)
  );
}
