const at = (ts: string) => new Date(Number(ts) * 1000);

/** The time of day of a Slack timestamp. */
export function clock(ts: string): string {
  return at(ts).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** Date and time to the second. */
export function full(ts: string): string {
  return at(ts).toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
}

/** The day by which messages are separated: Today, Yesterday, or its date. */
export function day(ts: string): string {
  const days = Math.round((midnight(new Date()) - midnight(at(ts))) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return at(ts).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
