export function InsightsScreen() {
  return <div className="screen" />;
}
