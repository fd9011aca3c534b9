import { channelName, useSession } from "../state/session";
import { STORY } from "../story";
import type { Channel } from "../types";
import { draft } from "./drafts";

/** The beginning of a channel; in an empty one, what to try first. */
export function Welcome({ channel, empty }: { channel: Channel; empty: boolean }) {
  const { workspace, me } = useSession();
  return (
    <section className={`welcome ${empty ? "roomy" : ""}`}>
      <h2>{channel.kind === "channel" ? `#${channel.name}` : channelName(channel, workspace, me.id)}</h2>
      <p>This is the very beginning. Everything here runs on this machine: no Slack, no Azure, no account.</p>
      {empty && channel.id === "C0GPU" && (
        <ol className="story">
          {STORY.map(({ what, command }) => (
            <li key={command}>
              <span>{what}</span>
              <button type="button" className="code" onClick={() => draft.put(command)}>
                {command}
              </button>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
