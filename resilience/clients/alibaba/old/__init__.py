"""Alibaba's old SDK, aliyunsdkcore."""
