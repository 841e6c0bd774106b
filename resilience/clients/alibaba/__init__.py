"""Alibaba Cloud's SDKs: the one that is built on tea-openapi, and the old one, aliyunsdkcore."""
