import { environment } from "../environment.ts";

export default {
  environments: {
    example: {
      ...environment,
      servers: {
        // go build -o bin/weather .
        weather: { command: ["weather"], folder: ".", secrets: ["WEATHER_KEY"] },
      },
      secrets: { WEATHER_KEY: { purpose: "key of the weather service", to: ["origins"] } },
    },
  },
};
