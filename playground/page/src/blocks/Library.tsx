import { Component, memo, useMemo, type ReactNode } from "react";
import { Message as Rendered, type Block as LibraryBlock } from "slack-blocks-to-jsx";
import { useSession } from "../state/session";
import type { Block } from "../types";
import { prepared } from "./prepared";
import { emoji } from "./text";

/** Blocks without controls, drawn by the library; a block that it cannot draw shows as its text instead. */
export const Library = memo(function Library({ blocks }: { blocks: Block[] }) {
  const { workspace, fileAddress, theme } = useSession();
  const ready = useMemo(() => blocks.map((block) => prepared(block, fileAddress)), [blocks, fileAddress]);
  const data = useMemo(
    () => ({
      users: workspace.users.map((user) => ({ id: user.id, name: user.name })),
      channels: workspace.channels.map(({ id, name }) => ({ id, name })),
      user_groups: workspace.usergroups.map((group) => ({ id: group.id, name: group.handle ?? group.name ?? group.id })),
    }),
    [workspace],
  );
  return (
    <Boundary blocks={ready}>
      <Rendered blocks={ready as unknown as LibraryBlock[]} data={data} hooks={HOOKS} theme={theme} name="" logo="" withoutWrapper />
    </Boundary>
  );
});

type Hooks = NonNullable<React.ComponentProps<typeof Rendered>["hooks"]>;

const HOOKS: Hooks = {
  user: ({ id, name }) => <span className="mention">@{name || id}</span>,
  channel: ({ id, name }) => <span className="mention">#{name || id}</span>,
  usergroup: ({ id, name }) => <span className="mention">@{name || id}</span>,
  emoji: (data) => (
    <span className="emoji" role="img" aria-label={data.name}>
      {emoji(data.name)}
    </span>
  ),
  link: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  date: ({ timestamp, format, fallback }) => <time title={fallback}>{dated(Number(timestamp), format)}</time>,
};

/** Slack's date tokens in the viewer's own zone and language. */
function dated(seconds: number, format: string): string {
  const at = new Date(seconds * 1000);
  const parts: Record<string, string> = {
    date: at.toLocaleDateString(undefined, { dateStyle: "long" }),
    date_short: at.toLocaleDateString(undefined, { dateStyle: "medium" }),
    date_long: at.toLocaleDateString(undefined, { dateStyle: "full" }),
    date_num: at.toISOString().slice(0, 10),
    time: at.toLocaleTimeString(undefined, { timeStyle: "short" }),
    time_secs: at.toLocaleTimeString(undefined, { timeStyle: "medium" }),
    ago: `${Math.max(0, Math.round((Date.now() - at.getTime()) / 60_000))} min ago`,
  };
  return format.replace(/\{(\w+?)(?:_pretty)?\}/g, (token, name: string) => parts[name] ?? token);
}

class Boundary extends Component<{ blocks: Block[]; children: ReactNode }, { failed: Block[] | null }> {
  override state = { failed: null as Block[] | null };

  static getDerivedStateFromError() {
    return {};
  }

  override componentDidCatch() {
    this.setState({ failed: this.props.blocks });
  }

  override render() {
    const { blocks, children } = this.props;
    if (this.state.failed !== blocks) return children;
    return blocks.map((block, index) => (
      <p key={index} className="undrawn">
        {typeof block.text === "string" ? block.text : (block.text?.text ?? `This block (${block.type}) could not be drawn.`)}
      </p>
    ));
  }
}
