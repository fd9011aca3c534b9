import { useEffect, useRef, useState } from "react";
import type { StreamEvent } from "../types";

/** Listens to what changes for `user`; EventSource reconnects by itself, and `onOpen` then refetches what was missed. */
export function useStream(user: string, onEvent: (event: StreamEvent) => void, onOpen: () => void): boolean {
  const [live, setLive] = useState(false);
  const handlers = useRef({ onEvent, onOpen });
  handlers.current = { onEvent, onOpen };
  useEffect(() => {
    let source: EventSource;
    let retry: number | undefined;
    const connect = () => {
      source = new EventSource(`/_control/stream?${new URLSearchParams({ user })}`);
      source.onopen = () => {
        setLive(true);
        handlers.current.onOpen();
      };
      source.onmessage = (message) => handlers.current.onEvent(JSON.parse(message.data as string) as StreamEvent);
      source.onerror = () => {
        setLive(false);
        // A refused connection (the playground restarts) closes the source for good: start a new one.
        if (source.readyState === EventSource.CLOSED) retry = window.setTimeout(connect, 1000);
      };
    };
    connect();
    return () => {
      clearTimeout(retry);
      source.close();
      setLive(false);
    };
  }, [user]);
  return live;
}
