// The built engine for the threads of the deep exploration, as its users have it.
import { open } from "../../dist/varve.js";
import { graphSubject } from "./graph-subject.mjs";

export const subject = graphSubject(open);
