export function SettingsScreen({ onMeChanged }: { readonly onMeChanged: () => void }) {
  return <div className="screen" onClick={onMeChanged} />;
}
