"""The general model of ad response: features of campaign rows, credibility of the advertiser's own history, network, likelihoods.

Only torch and numpy are needed here, so that pre-training runs wherever those are.
"""
