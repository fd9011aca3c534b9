import { memo, useMemo } from "react";
import { api } from "../api";
import { Blocks } from "../blocks/Blocks";
import { HostContext, type Host } from "../blocks/host";
import { emoji, Rich } from "../blocks/text";
import { shownName, useSession } from "../state/session";
import type { Message } from "../types";
import { Avatar } from "./Avatar";
import { Files } from "./Files";
import { MessageMenu } from "./MessageMenu";
import { Replies } from "./Replies";
import { clock, full } from "./times";

interface Props {
  message: Message;
  channel: string;
  /** Follows another message of the same author closely: drawn without avatar and name. */
  compact?: boolean;
  inThread?: boolean;
}

/** One message with its blocks, files, reply count and menu. */
export const MessageItem = memo(function MessageItem({ message, channel, compact, inThread }: Props) {
  const session = useSession();
  const { workspace, me } = session;
  const byBot = isBot(message, workspace.bot.user_id);
  const author = workspace.users.find((user) => user.id === message.user);
  const name = message.notice
    ? "Slackbot"
    : byBot
      ? workspace.bot.name
      : author
        ? shownName(author)
        : (message.username ?? message.user ?? "unknown");
  const host = useMemo<Host>(
    () => ({
      channel,
      send: async (element, blockId, value) => {
        const answer = await api.action({
          user: me.id,
          channel,
          ts: message.ts,
          action_id: element.action_id ?? "",
          block_id: blockId,
          value: value ?? element.value,
        });
        return answer.ok ? null : (answer.error ?? "the app did not answer");
      },
    }),
    [channel, me.id, message.ts],
  );
  return (
    <article
      className={`message ${compact ? "compact" : ""} ${message.ephemeral_to ? "ephemeral" : ""}`}
      data-testid={`message-${message.ts}`}
      data-author={byBot ? "bot" : message.user}
      aria-label={`${name}, ${clock(message.ts)}`}
    >
      {message.ephemeral_to && <p className="only-you">Only visible to you</p>}
      {message.broadcast && !inThread && (
        <button type="button" className="from-thread" onClick={() => session.go({ thread: message.thread_ts ?? null })}>
          replied to a thread
        </button>
      )}
      <div className="message-gutter">
        {compact ? <time className="hover-time">{clock(message.ts)}</time> : <Avatar person={author} bot={byBot} notice={message.notice} />}
      </div>
      <div className="message-body">
        {!compact && (
          <div className="byline">
            <b>{name}</b>
            {byBot && !message.notice && <span className="tag">APP</span>}
            <time title={full(message.ts)}>{clock(message.ts)}</time>
          </div>
        )}
        <HostContext.Provider value={host}>
          {message.blocks?.length ? (
            <Blocks blocks={message.blocks} />
          ) : (
            message.text && <Rich text={{ type: "mrkdwn", text: message.text }} />
          )}
        </HostContext.Provider>
        {message.edited && <span className="edited">(edited)</span>}
        <Files files={message.files} />
        <Reactions reactions={message.reactions} />
        {!inThread && <Replies message={message} />}
      </div>
      {!message.ephemeral_to && <MessageMenu message={message} channel={channel} inThread={inThread} />}
    </article>
  );
});

export function isBot(message: Message, bot: string): boolean {
  return message.bot === bot || message.user === bot || (Boolean(message.bot) && !message.notice);
}

function Reactions({ reactions }: { reactions: Record<string, string[]> | undefined }) {
  const entries = Object.entries(reactions ?? {}).filter(([, users]) => users.length > 0);
  if (entries.length === 0) return null;
  return (
    <div className="reactions">
      {entries.map(([name, users]) => (
        <span key={name} className="chip" title={users.join(", ")}>
          {emoji(name)} {users.length}
        </span>
      ))}
    </div>
  );
}
