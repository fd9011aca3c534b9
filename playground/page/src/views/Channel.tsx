import { useState } from "react";
import { inChannel } from "../state/messages";
import { channelName, useFeed, useSession } from "../state/session";
import { Composer } from "./Composer";
import { MessageList } from "./MessageList";
import { Welcome } from "./Welcome";

/** A channel: head, messages, composer. */
export function ChannelView() {
  const { workspace, route, me } = useSession();
  const { messages, notices } = useFeed();
  const [sent, setSent] = useState(0);
  const channel = workspace.channels.find((one) => one.id === route.channel);
  if (!channel) return <main className="pane empty">There is no such channel.</main>;
  const name = channelName(channel, workspace, me.id);
  const topic = typeof channel.topic === "string" ? channel.topic : channel.topic?.value;
  const shown = inChannel(messages ?? []);
  return (
    <main className="pane" aria-label={name}>
      <header className="pane-head">
        <h1>
          {channel.kind === "im" ? "" : channel.is_private ? "🔒 " : "#"}
          {name}
        </h1>
        {topic && <p className="topic">{topic}</p>}
        {channel.members && (
          <span className="count" title={channel.members.join(", ")}>
            {channel.members.length} members
          </span>
        )}
      </header>
      <MessageList
        place={`${me.id}/${channel.id}`}
        sent={sent}
        channel={channel.id}
        messages={shown}
        notices={notices.filter((notice) => notice.channel === channel.id && !notice.thread)}
        before={messages && <Welcome channel={channel} empty={shown.length === 0} />}
      />
      <Composer key={channel.id} channel={channel} thread={null} onSent={() => setSent((count) => count + 1)} />
    </main>
  );
}
