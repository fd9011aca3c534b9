import type { Message, SharedFile } from "../types";

/** Keeps the old object of every message that did not change, so that only changed messages are drawn again. */
export function merged(old: Message[] | undefined, fresh: Message[]): Message[] {
  const known = new Map(old?.map((message) => [key(message), message]));
  const list = fresh
    .filter((message) => !message.deleted)
    .map((message) => {
      const before = known.get(key(message));
      return before && JSON.stringify(before) === JSON.stringify(message) ? before : message;
    });
  return old && old.length === list.length && old.every((message, index) => message === list[index]) ? old : list;
}

/** Two ephemerals may share a second; the text tells them apart. */
export function key(message: Message): string {
  return message.ephemeral_to ? `${message.ts}/${message.ephemeral_to}` : message.ts;
}

/** What stands in the channel itself: parents, ephemerals that belong to no thread, and replies that were sent to the channel too. */
export function inChannel(messages: Message[]): Message[] {
  const own = messages.filter((message) => !message.thread_ts || message.thread_ts === message.ts);
  const broadcast = messages.flatMap((message) => message.replies ?? []).filter((reply) => reply.broadcast && !reply.deleted);
  return broadcast.length === 0 ? own : [...own, ...broadcast].sort((a, b) => Number(a.ts) - Number(b.ts));
}

/** What stands in the thread of `ts` below its parent, ephemerals included, oldest first. */
export function inThread(messages: Message[], ts: string): Message[] {
  const parent = messages.find((message) => message.ts === ts && !message.ephemeral_to);
  const loose = messages.filter((message) => message.thread_ts === ts && message.ts !== ts);
  const replies = (parent?.replies ?? []).filter((reply) => !reply.deleted);
  const seen = new Set(replies.map(key));
  return [...replies, ...loose.filter((message) => !seen.has(key(message)))].sort((a, b) => Number(a.ts) - Number(b.ts));
}

/** Files of messages and their replies. */
export function filesOf(messages: Message[] | undefined): SharedFile[] {
  return (messages ?? []).flatMap((message) => [...(message.files ?? []), ...filesOf(message.replies)]);
}

/** What the client itself said to `user`. */
export interface Notice {
  id: number;
  user: string;
  channel: string;
  thread: string | null;
  text: string;
  at: number;
  /** The message below which it stands. */
  after: string;
}
