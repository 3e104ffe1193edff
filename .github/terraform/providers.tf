# For Dependabot only, which reads no TypeScript: the same versions as stacks/provider-versions.ts, which is what deploys.
# A test holds both equal, so a pull request that changes only this file is red until the stacks follow.
terraform {
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "5.19.0"
    }
    github = {
      source  = "integrations/github"
      version = "6.13.0"
    }
    koyeb = {
      source  = "koyeb/koyeb"
      version = "0.1.11"
    }
    fly = {
      source  = "ampbase-io/fly"
      version = "0.2.0"
    }
  }
}
