/** Pages beside the runbooks, followed word by word. */
import { followDocuments } from "./follow.ts";
import { PAGES } from "./followed.ts";

followDocuments(PAGES);
