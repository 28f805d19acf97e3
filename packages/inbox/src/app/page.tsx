/** The screen of the address. */
import { EmptyState } from "../part/notice.tsx";
import { Link } from "../route/link.tsx";
import { pathTo, usePlace } from "../route/location.ts";
import { RequestScreen } from "../screen/request/request-screen.tsx";
import { WaitingScreen } from "../screen/waiting/waiting-screen.tsx";
import { later } from "./later.tsx";

const AccountScreen = later(async () => (await import("../screen/account/account-screen.tsx")).AccountScreen);
const HistoryScreen = later(async () => (await import("../screen/history/history-screen.tsx")).HistoryScreen);
const PolicyPages = later(async () => (await import("../screen/policies/policy-pages.tsx")).PolicyPages);
const InsightsScreen = later(async () => (await import("../screen/insights/insights-screen.tsx")).InsightsScreen);
const SettingsScreen = later(async () => (await import("../screen/settings/settings-screen.tsx")).SettingsScreen);

export function Page({ onMeChanged }: { readonly onMeChanged: () => void }) {
  const { page, id } = usePlace();
  switch (page) {
    case "waiting":
      return <WaitingScreen />;
    case "request":
      return <RequestScreen key={id} id={id} />;
    case "history":
      return <HistoryScreen />;
    case "policies":
    case "policyDraft":
    case "policyVersion":
      return <PolicyPages page={page} id={id} />;
    case "insights":
      return <InsightsScreen />;
    case "settings":
      return <SettingsScreen onMeChanged={onMeChanged} />;
    case "account":
      return <AccountScreen onMeChanged={onMeChanged} />;
    case "signIn":
    case "nowhere":
      return (
        <EmptyState title="No such page" mark="?">
          <Link to={pathTo("waiting")}>Go to what is waiting</Link>
        </EmptyState>
      );
  }
}
