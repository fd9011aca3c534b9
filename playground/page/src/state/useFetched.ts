import { useCallback, useEffect, useRef, useState } from "react";

/** Keeps the old value where the fresh one says the same, so that nothing that depends on it is drawn again. */
export function kept<T>(old: T | undefined, fresh: T): T {
  return old !== undefined && JSON.stringify(old) === JSON.stringify(fresh) ? old : fresh;
}

/**
 * Fetches on mount, on each change of `key`, and whenever `refresh` is called. Calls made while one is under way
 * are folded into a single further one, so a burst of events costs two requests. An answer for an old key is dropped.
 */
export function useFetched<T>(key: string, fetch: () => Promise<T>, merge?: (old: T | undefined, fresh: T) => T) {
  const [held, setHeld] = useState<{ key: string; value: T } | undefined>(undefined);
  const [failed, setFailed] = useState(false);
  const latest = useRef({ key, fetch, merge });
  latest.current = { key, fetch, merge };
  const flight = useRef({ running: "", again: false });

  const refresh = useCallback(async () => {
    const { key: asked, fetch: ask, merge: fold } = latest.current;
    if (flight.current.running === asked) {
      flight.current.again = true;
      return;
    }
    flight.current = { running: asked, again: false };
    try {
      const fresh = await ask();
      setFailed(false);
      if (latest.current.key === asked) {
        setHeld((old) => ({ key: asked, value: fold ? fold(old?.key === asked ? old.value : undefined, fresh) : fresh }));
      }
    } catch {
      setFailed(true);
    } finally {
      if (flight.current.running === asked) {
        const { again } = flight.current;
        flight.current = { running: "", again: false };
        if (again) void refresh();
      }
    }
  }, []);

  useEffect(() => void refresh(), [key, refresh]);
  return { value: held?.key === key ? held.value : undefined, refresh, failed };
}
