import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "./api";
import { ConfirmProvider } from "./blocks/confirm";
import { filesOf, inChannel, inThread, key, merged, type Notice } from "./state/messages";
import { useRoute } from "./state/route";
import { FeedContext, SessionContext, type Session } from "./state/session";
import { useTheme } from "./state/theme";
import { kept, useFetched } from "./state/useFetched";
import { useStream } from "./state/useStream";
import type { Message, StreamEvent, Workspace } from "./types";
import { ChannelView } from "./views/Channel";
import { draft } from "./views/drafts";
import { Home } from "./views/Home";
import { Modal } from "./views/Modal";
import { Sidebar } from "./views/Sidebar";
import { Thread } from "./views/Thread";
import { TopBar } from "./views/TopBar";

/** Waits for the workspace, then shows it. */
export function App() {
  const { value, refresh, failed } = useFetched("workspace", api.workspace, kept);
  useEffect(() => {
    if (!failed) return;
    const retry = setTimeout(refresh, 1000);
    return () => clearTimeout(retry);
  }, [failed, refresh]);
  if (!value) return <p className="empty starting">{failed ? "The playground does not answer; trying again…" : "Starting…"}</p>;
  return <Client workspace={value} refreshWorkspace={refresh} />;
}

function Client({ workspace, refreshWorkspace }: { workspace: Workspace; refreshWorkspace: () => void }) {
  const [route, go] = useRoute();
  const { theme, toggle } = useTheme();
  const me = workspace.users.find((user) => user.id === route.as) ?? workspace.users[0]!;
  const [drawer, setDrawer] = useState(false);
  const [unread, setUnread] = useState<ReadonlySet<string>>(new Set());
  const messages = useFetched(`${me.id}/${route.channel}`, () => api.messages(route.channel, me.id), merged);
  const { notices, notify, dismiss } = useNotices(me.id, route.channel, messages.value);
  const views = useFetched(me.id, () => api.views(me.id), kept);
  const home = useFetched(`${me.id}/${route.home}`, async () => (route.home ? api.home(me.id) : null), kept);

  const onEvent = (event: StreamEvent) => {
    if (event.type === "views") void views.refresh();
    else if (event.type === "home") void home.refresh();
    else if (event.type === "notice") void messages.refresh();
    else if (event.type === "messages") {
      if (event.channel === route.channel) void messages.refresh();
      if (event.channel !== route.channel || route.home) setUnread((old) => new Set(old).add(event.channel));
    }
  };
  const refreshAll = useCallback(() => {
    refreshWorkspace();
    void messages.refresh();
    void views.refresh();
    void home.refresh();
  }, [refreshWorkspace, messages.refresh, views.refresh, home.refresh]);
  const live = useStream(me.id, onEvent, refreshAll);

  useEffect(() => setUnread(new Set()), [me.id]);
  useEffect(() => {
    if (!route.home) setUnread((old) => (old.has(route.channel) ? new Set([...old].filter((one) => one !== route.channel)) : old));
  }, [route.channel, route.home]);
  useEffect(() => {
    if (route.home) void api.openHome(me.id).then(home.refresh);
  }, [route.home, me.id, home.refresh]);

  const place = route.home ? workspace.bot.name : `#${workspace.channels.find((one) => one.id === route.channel)?.name ?? route.channel}`;
  useEffect(() => {
    document.title = `${unread.size > 0 ? "• " : ""}${place} · Quartermaster playground`;
  }, [place, unread.size]);

  const files = useRef(messages.value);
  files.current = messages.value;
  const fileAddress = useCallback((id: string) => filesOf(files.current).find((file) => file.id === id)?.url, []);
  const session = useMemo<Session>(
    () => ({ workspace, me, route, go, theme, notify, dismiss, refresh: refreshAll, fileAddress }),
    [workspace, me, route, go, theme, notify, dismiss, refreshAll, fileAddress],
  );
  const feed = useMemo(() => ({ messages: messages.value, notices, unread }), [messages.value, notices, unread]);
  const top = views.value?.at(-1);
  return (
    <SessionContext.Provider value={session}>
      <FeedContext.Provider value={feed}>
        <ConfirmProvider>
          <div className={`client ${route.thread && !route.home ? "with-thread" : ""}`} data-live={live} onClick={typeCode}>
            <TopBar live={live} onMenu={() => setDrawer(!drawer)} toggleTheme={toggle} />
            <Sidebar open={drawer} close={() => setDrawer(false)} />
            {route.home ? <Home view={home.value} /> : <ChannelView />}
            {route.thread && !route.home && <Thread ts={route.thread} />}
            {top && <Modal key={top.root_view_id ?? top.id} view={top} refresh={() => void views.refresh()} />}
          </div>
        </ConfirmProvider>
      </FeedContext.Provider>
    </SessionContext.Provider>
  );
}

/** A press on a command that stands in a message as code puts it into the composer. */
function typeCode(event: React.MouseEvent<HTMLElement>): void {
  const code = (event.target as HTMLElement).closest("#slack_blocks_to_jsx code")?.textContent ?? "";
  if (/^\/\w+/.test(code) && !getSelection()?.toString()) draft.put(code);
}

/** What the client itself has to say. The server's own notices arrive as messages; these are for what never reached it. */
function useNotices(user: string, channel: string, messages: Message[] | undefined) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const latest = useRef(messages);
  latest.current = messages;
  const notify = useCallback(
    (text: string, thread: string | null = null) => {
      const list = latest.current ?? [];
      const last = (thread ? inThread(list, thread) : inChannel(list)).at(-1);
      setNotices((old) => [
        ...old,
        { id: (old.at(-1)?.id ?? 0) + 1, user, channel, thread, text, at: Date.now(), after: last ? key(last) : "" },
      ]);
    },
    [user, channel],
  );
  const dismiss = useCallback((id: number) => setNotices((old) => old.filter((notice) => notice.id !== id)), []);
  return { notices: useMemo(() => notices.filter((notice) => notice.user === user), [notices, user]), notify, dismiss };
}
