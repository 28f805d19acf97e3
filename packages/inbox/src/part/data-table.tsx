/** A table of figures. It scrolls in itself where the screen is narrow, for keys as well. */
import type { ReactNode } from "react";
import "./data-table.css";

export interface DataTableProps {
  readonly name: string;
  readonly heads: readonly string[];
  /** The first cell of a row names it; the others are numbers. */
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}

export function DataTable({ name, heads, rows }: DataTableProps) {
  const [first, ...others] = heads;
  return (
    <div className="data-table" role="group" aria-label={name} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            {others.map((head) => (
              <th key={head} scope="col" className="numbers">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells: [title, ...cells] }) => (
            <tr key={key}>
              <th scope="row">{title}</th>
              {cells.map((cell, index) => (
                <td key={others[index]} className="numbers">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
