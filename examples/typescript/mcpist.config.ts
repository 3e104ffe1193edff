import { environment } from "../environment.ts";

export default {
  environments: {
    example: {
      ...environment,
      servers: {
        weather: { command: ["node", "server.ts"], folder: ".", secrets: ["WEATHER_KEY"] },
      },
      secrets: { WEATHER_KEY: { purpose: "key of the weather service", to: ["origins"] } },
    },
  },
};
