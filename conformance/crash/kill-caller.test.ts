/** R9, R10, R11, R26: the column of the kill matrix in which the caller dies. What must come of it is in kill-table.ts. */
import { killMatrix } from "./fixture/kill-matrix.ts";

killMatrix("caller");
