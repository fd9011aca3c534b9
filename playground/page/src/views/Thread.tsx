import { useEffect, useState } from "react";
import { inThread } from "../state/messages";
import { useFeed, useSession } from "../state/session";
import { Composer } from "./Composer";
import { Icon } from "./Icon";
import { MessageItem } from "./MessageItem";
import { MessageList } from "./MessageList";

/** The thread of one message, beside the channel; on a phone it takes the whole place. */
export function Thread({ ts }: { ts: string }) {
  const { workspace, route, go, me } = useSession();
  const { messages, notices } = useFeed();
  const [sent, setSent] = useState(0);
  const channel = workspace.channels.find((one) => one.id === route.channel);
  const parent = messages?.find((message) => message.ts === ts && !message.ephemeral_to);
  const close = () => go({ thread: null });
  useEffect(() => {
    const keyed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) close();
    };
    addEventListener("keydown", keyed);
    return () => removeEventListener("keydown", keyed);
  }, []);
  if (!channel) return null;
  const replies = inThread(messages ?? [], ts);
  const count = replies.filter((reply) => !reply.ephemeral_to).length;
  return (
    <aside className="thread pane" data-testid="thread-panel" aria-label="Thread">
      <header className="pane-head">
        <button type="button" className="icon-button only-narrow" onClick={close} aria-label="Back to the channel">
          <Icon name="back" />
        </button>
        <h1>Thread</h1>
        <span className="topic">#{channel.name}</span>
        <button type="button" className="icon-button only-wide" onClick={close} aria-label="Close the thread">
          <Icon name="close" />
        </button>
      </header>
      <MessageList
        place={`${me.id}/${ts}`}
        sent={sent}
        channel={channel.id}
        messages={replies}
        notices={notices.filter((notice) => notice.thread === ts)}
        inThread
        before={
          <>
            {parent ? (
              <MessageItem message={parent} channel={channel.id} inThread />
            ) : (
              messages && <p className="empty">This message is gone.</p>
            )}
            {count > 0 && (
              <div className="day left" role="separator">
                <span>
                  {count} {count === 1 ? "reply" : "replies"}
                </span>
              </div>
            )}
          </>
        }
      />
      {parent?.status && (
        <p className="status" role="status">
          <span className="spinner" /> {workspace.bot.name} {parent.status}
        </p>
      )}
      <Composer key={ts} channel={channel} thread={ts} onSent={() => setSent((count) => count + 1)} />
    </aside>
  );
}
