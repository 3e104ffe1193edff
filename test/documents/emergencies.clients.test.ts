/** What is done when a secret leaked, followed word by word. Beside the other documents, because rotations take their time. */
import { followDocuments } from "./follow.ts";
import { EMERGENCIES } from "./followed.ts";

for (const file of EMERGENCIES) followDocuments([file]);
