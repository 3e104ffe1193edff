/** Every runbook that does not end in an emergency is followed, or says why not; a new one is found by itself. */
import { followDocuments } from "./follow.ts";
import { RUNBOOKS, TAKEN_APART } from "./followed.ts";

followDocuments(RUNBOOKS);
for (const file of TAKEN_APART) followDocuments([file]);
