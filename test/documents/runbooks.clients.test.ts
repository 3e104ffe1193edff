/** Every runbook that does not end in an emergency is followed, or says why not; a new one is found by itself. */
import { followDocuments } from "./follow.ts";
import { RUNBOOKS } from "./followed.ts";

followDocuments(RUNBOOKS);
