/** The screen of the address. */
import { lazy, Suspense } from "react";
import { EmptyState } from "../part/notice.tsx";
import { Link } from "../route/link.tsx";
import { pathTo, usePlace } from "../route/location.ts";
import { RequestScreen } from "../screen/request/request-screen.tsx";
import { WaitingScreen } from "../screen/waiting/waiting-screen.tsx";

/** What few go to is loaded when they do: the list of what waits comes first. */
const AccountScreen = lazy(() => import("../screen/account/account-screen.tsx").then(({ AccountScreen: Screen }) => ({ default: Screen })));
const HistoryScreen = lazy(() => import("../screen/history/history-screen.tsx").then(({ HistoryScreen: Screen }) => ({ default: Screen })));
const PolicyPages = lazy(() => import("../screen/policies/policy-pages.tsx").then(({ PolicyPages: Pages }) => ({ default: Pages })));

export function Page({ onMeChanged }: { readonly onMeChanged: () => void }) {
  const { page, id } = usePlace();
  return (
    <Suspense fallback={null}>
      <ScreenOf page={page} id={id} onMeChanged={onMeChanged} />
    </Suspense>
  );
}

function ScreenOf({ page, id, onMeChanged }: ReturnType<typeof usePlace> & { readonly onMeChanged: () => void }) {
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
