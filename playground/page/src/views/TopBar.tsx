import { shownName, standing, useSession } from "../state/session";
import { Avatar } from "./Avatar";
import { Icon } from "./Icon";

/** Name, the people one may act as, and the theme; stays in view whatever else is open. */
export function TopBar({ live, onMenu, toggleTheme }: { live: boolean; onMenu: () => void; toggleTheme: () => void }) {
  const { theme } = useSession();
  return (
    <header className="topbar">
      <button type="button" className="icon-button only-narrow" onClick={onMenu} aria-label="Channels">
        <Icon name="menu" />
      </button>
      <a className="brand" href="/" aria-label="Quartermaster playground">
        <img src="/page/icon.svg" width={26} height={26} alt="" />
        <span className="only-wide">
          Quartermaster <em>playground</em>
        </span>
      </a>
      <PersonSwitcher />
      {!live && (
        <span className="offline" role="status">
          <span className="only-wide">Reconnecting…</span>
        </span>
      )}
      <button type="button" className="icon-button" onClick={toggleTheme} aria-label={theme === "dark" ? "Light theme" : "Dark theme"}>
        <Icon name={theme === "dark" ? "sun" : "moon"} />
      </button>
    </header>
  );
}

function PersonSwitcher() {
  const { workspace, me, go } = useSession();
  const people = workspace.users.filter((user) => !user.is_bot && user.id !== workspace.bot.user_id);
  return (
    <div className="people" role="group" aria-label="Act as">
      <span className="people-label only-wide">You are</span>
      {people.map((person) => {
        const note = standing(person, workspace);
        return (
          <button
            key={person.id}
            type="button"
            aria-pressed={person.id === me.id}
            className="person"
            data-testid={`person-${person.id}`}
            title={[shownName(person), note, person.profile?.title].filter(Boolean).join(" · ")}
            onClick={() => go({ as: person.id })}
          >
            <Avatar person={person} size={28} />
            <span className="person-name">
              {shownName(person).split(" ")[0]}
              {note && <small>{note}</small>}
            </span>
          </button>
        );
      })}
    </div>
  );
}
