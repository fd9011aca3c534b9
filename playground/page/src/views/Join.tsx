import { api } from "../api";
import { shownName, useSession } from "../state/session";
import type { Channel } from "../types";

/** Stands where the composer would, for somebody who is not in the channel. */
export function Join({ channel }: { channel: Channel }) {
  const { me, notify, refresh } = useSession();
  const join = async () => {
    const answer = await api.join(me.id, channel.id);
    if (!answer.ok) notify(`${shownName(me)} cannot join: ${answer.error}`);
    refresh();
  };
  return (
    <div className="composer join">
      <span>
        {shownName(me)} is not in <b>#{channel.name}</b>.
      </span>
      {!channel.is_private && (
        <button type="button" className="button primary" onClick={join}>
          Join
        </button>
      )}
    </div>
  );
}
