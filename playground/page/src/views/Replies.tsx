import { useSession } from "../state/session";
import type { Message } from "../types";
import { Avatar } from "./Avatar";
import { isBot } from "./MessageItem";
import { clock } from "./times";

/** How many replies a message has, by whom, and the way into its thread. */
export function Replies({ message }: { message: Message }) {
  const { workspace, route, go } = useSession();
  const replies = (message.replies ?? []).filter((reply) => !reply.deleted && !reply.ephemeral_to);
  const last = replies.at(-1);
  if (!last) return null;
  const authors = [...new Set(replies.map((reply) => (isBot(reply, workspace.bot.user_id) ? workspace.bot.user_id : reply.user)))].slice(
    0,
    4,
  );
  return (
    <button
      type="button"
      className="replies"
      data-testid={`reply-count-${message.ts}`}
      aria-pressed={route.thread === message.ts}
      onClick={() => go({ thread: message.ts })}
    >
      {authors.map((id) => (
        <Avatar key={id} person={workspace.users.find((user) => user.id === id)} bot={id === workspace.bot.user_id} size={22} />
      ))}
      <b>
        {replies.length} {replies.length === 1 ? "reply" : "replies"}
      </b>
      <span className="last-reply">last at {clock(last.ts)}</span>
    </button>
  );
}
