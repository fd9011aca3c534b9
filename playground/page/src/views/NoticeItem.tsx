import { Rich } from "../blocks/text";
import { useSession } from "../state/session";
import type { Notice } from "../state/messages";
import { Avatar } from "./Avatar";
import { Icon } from "./Icon";
import { clock } from "./times";

/** What the client itself has to say, as Slackbot does: a failed command, a thing that cannot be done here. */
export function NoticeItem({ notice }: { notice: Notice }) {
  const { dismiss } = useSession();
  return (
    <article className="message ephemeral notice" role="alert" data-testid="notice">
      <p className="only-you">Only visible to you</p>
      <div className="message-gutter">
        <Avatar notice />
      </div>
      <div className="message-body">
        <div className="byline">
          <b>Playground</b>
          <time>{clock(String(notice.at / 1000))}</time>
        </div>
        <Rich text={{ type: "mrkdwn", text: notice.text }} />
      </div>
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => dismiss(notice.id)}>
        <Icon name="close" size={14} />
      </button>
    </article>
  );
}
