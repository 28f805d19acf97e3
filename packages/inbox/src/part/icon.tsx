/** Small drawings of our own, in the colour of the text around them. */
const PATHS = {
  inbox: "M3 13h5l1.5 3h5L16 13h5M5 5h14l2 8v6H3v-6z",
  history: "M12 7v5l3.5 2M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5",
  policy: "M6 3h9l4 4v14H6zM14.500 3v4.500H19M9 12l2 2 4-4M9 17.500h6",
  chart: "M4 4v16h16M8.5 16v-4M13 16V8M17.5 16v-6",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM9 14.500a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7.5 8c.8-4 3.8-5.5 7.5-5.500s6.7 1.5 7.5 5.5",
  contrast: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0v18M12 7.500l5-2M12 12h9M12 16.500l5 2",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M5.3 18.700l1.4-1.400M17.3 6.700l1.4-1.4",
  moon: "M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z",
  keys: "M3 6.500h18v11H3zM6.5 10h.01M10 10h.01M13.5 10h.01M17 10h.01M8 14h8",
  leave: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  shield: "M12 3l7.5 3v5.500c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.500V6z",
  agent: "M6 9h12v9H6zM12 5v4M9.5 13h.01M14.5 13h.01M3.5 12.500v3M20.5 12.500v3",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width={size} height={size} fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
