import { channelName, useFeed, useSession } from "../state/session";
import type { Channel } from "../types";
import { Icon } from "./Icon";

/** The channels of the person one acts as, those one could look into, and the app's Home. */
export function Sidebar({ open, close }: { open: boolean; close: () => void }) {
  const { workspace, me, route, go } = useSession();
  const rooms = workspace.channels.filter((channel) => channel.kind !== "im");
  const mine = rooms.filter((channel) => isMember(channel, me.id));
  const direct = workspace.channels.filter((channel) => channel.kind === "im" && isMember(channel, me.id));
  const others = rooms.filter((channel) => !isMember(channel, me.id) && !channel.is_private);
  const visit = (channel: Channel) => {
    go({ channel: channel.id, thread: null, home: false });
    close();
  };
  return (
    <>
      <nav className={`sidebar ${open ? "open" : ""}`} aria-label="Workspace">
        <h2>Channels</h2>
        <ul>
          {mine.map((channel) => (
            <Entry key={channel.id} channel={channel} onVisit={visit} />
          ))}
        </ul>
        {others.length > 0 && (
          <>
            <h2>Not joined</h2>
            <ul className="others">
              {others.map((channel) => (
                <Entry key={channel.id} channel={channel} onVisit={visit} />
              ))}
            </ul>
          </>
        )}
        {direct.length > 0 && (
          <>
            <h2>Direct messages</h2>
            <ul>
              {direct.map((channel) => (
                <Entry key={channel.id} channel={channel} onVisit={visit} />
              ))}
            </ul>
          </>
        )}
        <h2>Apps</h2>
        <ul>
          <li>
            <button
              type="button"
              className="channel"
              data-testid="home-tab"
              aria-current={route.home ? "page" : undefined}
              onClick={() => {
                go({ home: true, thread: null });
                close();
              }}
            >
              <Icon name="home" size={16} /> {workspace.bot.name}
            </button>
          </li>
        </ul>
      </nav>
      {open && <button type="button" className="scrim only-narrow" aria-label="Close the channel list" onClick={close} />}
    </>
  );
}

export function isMember(channel: Channel, user: string): boolean {
  return channel.members === undefined || channel.members.includes(user);
}

function Mark({ channel }: { channel: Channel }) {
  if (channel.kind === "im") return <Icon name="reply" size={14} />;
  return channel.is_private ? <Icon name="lock" size={14} /> : <span className="hash">#</span>;
}

function Entry({ channel, onVisit }: { channel: Channel; onVisit: (channel: Channel) => void }) {
  const { workspace, me, route } = useSession();
  const { unread } = useFeed();
  const current = !route.home && route.channel === channel.id;
  const fresh = unread.has(channel.id) && !current;
  return (
    <li>
      <button
        type="button"
        className={`channel ${fresh ? "unread" : ""}`}
        data-testid={`channel-${channel.id}`}
        aria-current={current ? "page" : undefined}
        onClick={() => onVisit(channel)}
      >
        <Mark channel={channel} /> {channelName(channel, workspace, me.id)}
        {fresh && <span className="dot" role="img" aria-label="unread" />}
      </button>
    </li>
  );
}
