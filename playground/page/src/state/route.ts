// Who looks at what, kept in the address so that a reload (or a test) comes back to the same place.

import { useCallback, useEffect, useState } from "react";

export interface Route {
  as: string;
  channel: string;
  thread: string | null;
  home: boolean;
}

const FIRST: Route = { as: "U0ALICE", channel: "C0GPU", thread: null, home: false };

function read(): Route {
  const query = new URLSearchParams(location.search);
  return {
    as: query.get("as") ?? FIRST.as,
    channel: query.get("channel") ?? FIRST.channel,
    thread: query.get("thread"),
    home: query.has("home"),
  };
}

function address(route: Route): string {
  const query = new URLSearchParams({ as: route.as, channel: route.channel });
  if (route.thread) query.set("thread", route.thread);
  if (route.home) query.set("home", "");
  return `?${query}`;
}

/** The route and a setter for parts of it; each change of place is an entry in the browser's history. */
export function useRoute(): [Route, (change: Partial<Route>) => void] {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const back = () => setRoute(read());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = useCallback((change: Partial<Route>) => {
    const next = { ...read(), ...change };
    if (address(next) !== location.search) history.pushState(null, "", address(next));
    setRoute(next);
  }, []);
  return [route, go];
}
