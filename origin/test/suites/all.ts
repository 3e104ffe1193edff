/** Every suite that needs an origin with a database, once per kind of database. */
import type { TestDatabase } from "../database.ts";
import { describeBrokerFaults } from "./broker-faults.ts";
import { describeBrokerLeases } from "./broker-leases.ts";
import { describeBrokerOutages } from "./broker-outages.ts";
import { describeBroker } from "./broker.ts";
import { describeCalls } from "./calls.ts";
import { describeCanaries } from "./canaries.ts";
import { describeClients } from "./clients.ts";
import { describeConnections } from "./connections.ts";
import { describeDatabase } from "./database.ts";
import { describeDocuments } from "./documents.ts";
import { describeDrain } from "./drain.ts";
import { describeGatewaySecret } from "./gateway-secret.ts";
import { describePermissions } from "./permissions.ts";
import { describePlanLimits } from "./plan-limits.ts";
import { describeRequests } from "./requests.ts";
import { describeSieveModel } from "./sieve-model.ts";
import { describeServers } from "./servers.ts";
import { describeSieve } from "./sieve.ts";
import { describeNativeSieve } from "./sieve-native.ts";

export function describeAll(database: () => TestDatabase): void {
  describeDatabase(database);
  describeGatewaySecret(database);
  describeRequests(database);
  describeSieve(database);
  describeNativeSieve(database);
  describeSieveModel(database);
  describeCalls(database);
  describePlanLimits(database);
  describePermissions(database);
  describeClients(database);
  describeDocuments(database);
  describeDrain(database);
  describeBroker(database);
  describeCanaries(database);
  describeBrokerLeases(database);
  describeBrokerFaults(database);
  describeBrokerOutages(database);
  describeConnections(database);
  describeServers(database);
}
