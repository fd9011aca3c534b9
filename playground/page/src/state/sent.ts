// The lines a person sent, newest first, for arrow-up; kept for as long as the tab lives.

const LIMIT = 50;
const key = (user: string) => `quartermaster.sent.${user}`;

export function sentLines(user: string): string[] {
  return JSON.parse(sessionStorage.getItem(key(user)) ?? "[]") as string[];
}

export function rememberSent(user: string, line: string): void {
  const lines = [line, ...sentLines(user).filter((old) => old !== line)].slice(0, LIMIT);
  sessionStorage.setItem(key(user), JSON.stringify(lines));
}
